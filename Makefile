# Two commands do everything: `make run` and `make test`.
PYTHON ?= python3.11
BIN := .venv/bin

.NOTPARALLEL:
.PHONY: help run demo attach logs dapr browser postgres test check prove bench screenshots constraints clean

help: ## List the commands
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

run: .venv/run ## Run the whole system until Ctrl-C
	@exec $(BIN)/python -m system

demo: .venv/run ## Run the whole system with a mix of workflows that start by themselves
	@exec $(BIN)/python -m system demo

attach: .venv/run ## Run Flowdeck for another application: SIDECAR=HOST:PORT
	@exec $(BIN)/python -m system attach \
		$(if $(SIDECAR),'$(SIDECAR)') $(if $(TOKEN_FILE),--token-file '$(TOKEN_FILE)') \
		$(if $(COMPANION),--companion '$(COMPANION)') $(if $(RESOURCES),--resources '$(RESOURCES)') \
		$(if $(PLACEMENT),--placement '$(PLACEMENT)') $(if $(DAPRD),--daprd '$(DAPRD)')

logs: .venv/run ## Follow the full output of every process
	@exec $(BIN)/python -m system logs

dapr: .venv/run ## Build Dapr, if this machine has none of 1.18 or newer
	@$(BIN)/python -m system.dapr

test: check .venv/test dapr postgres browser ## Static checks, unit tests, and tests of the whole system in a real browser
	@$(BIN)/python -m pytest -m "not slow" tests/unit --numprocesses=3 --dist=worksteal
	@$(BIN)/python -m pytest -m "not slow" tests/integration --numprocesses=3 --dist=loadfile
	@$(BIN)/python -m pytest -m "not slow" tests/browser --numprocesses=2 --dist=worksteal

postgres: .venv/test ## Install PostgreSQL, if this machine has none
	@$(BIN)/python -m tests.postgres

browser: .venv/test ## Install Chromium, if this machine has none
	@$(BIN)/python -m tests.browser.chromium

check: .venv/test ## Static checks only
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

prove: .venv/test dapr postgres browser ## Run the slow tests, for example those that kill each process
	@$(BIN)/python -m pytest -m slow --timeout=1800 --verbose --numprocesses=2 --dist=loadfile --durations=30

bench: .venv/test dapr postgres browser ## Measure the figures of docs/benchmarks.md
	@$(BIN)/python -m bench

screenshots: .venv/test dapr browser ## Write each page to docs/screenshots
	@$(BIN)/python -m tests.browser.screenshots

constraints: ## Pin the indirect requirements again
	@rm -rf .venv/pin && $(PYTHON) -m venv .venv/pin
	@grep -hvE '^-' requirements.txt requirements-dev.txt > .venv/pin/all.txt
	@.venv/pin/bin/python -m pip install --quiet -r .venv/pin/all.txt
	@head -1 constraints.txt > .venv/pin/new && .venv/pin/bin/python -m pip freeze >> .venv/pin/new
	@mv .venv/pin/new constraints.txt && rm -rf .venv/pin

clean: ## Remove the venv and the built Dapr; data/ stays
	rm -rf .venv system/dapr/bin

# One stamp file each: nothing is installed again until the requirements change.
.venv/run: requirements.txt constraints.txt | .venv/made
	@echo "Installing the requirements into .venv (about two minutes, once)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

.venv/test: requirements-dev.txt requirements.txt constraints.txt | .venv/made
	@echo "Installing the requirements for tests into .venv"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

.venv/made:
	@command -v $(PYTHON) >/dev/null || { echo "No $(PYTHON) here. Install Python 3.11, or run: make PYTHON=/path/to/python"; exit 1; }
	@$(PYTHON) -m venv .venv || { rm -rf .venv; echo "On Debian: apt-get install python3.11-venv"; exit 1; }
	@touch $@
