.PHONY: setup test
.DEFAULT_GOAL := test

setup:
	@scripts/setup.sh

test: setup
	@scripts/test.sh
