.PHONY: setup test demo up down bench docs
.DEFAULT_GOAL := test

setup:
	@scripts/setup.sh

test: setup
	@scripts/test.sh

demo: setup
	@.venv/bin/mathmill demo

up: setup
	@.venv/bin/mathmill up

down: setup
	@.venv/bin/mathmill down

bench: setup
	@for script in benchmarks/*.py; do .venv/bin/python "$$script" || exit; done

docs: setup
	@.venv/bin/python scripts/recipe_reference.py
