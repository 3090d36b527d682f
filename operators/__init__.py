"""Where jobs run: Airflow operators that submit them and wait."""
