-- Run once by the Postgres image, beside the database `airflow` that it makes itself.
CREATE DATABASE mlflow;
