.PHONY: setup test demo up down
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
