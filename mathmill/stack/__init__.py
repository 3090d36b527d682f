"""Airflow and MLflow on this machine, in a home folder of their own."""
