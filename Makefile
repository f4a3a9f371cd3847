# Everything runs in .venv, made from the pinned lock file; Python 3.11 or later is all that is needed.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed

.PHONY: demo test check format real boot bench

$(STAMP): requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@

# The main job on the mini kernel of corpus/, with its output in build/demo.
demo: $(STAMP)
	$(BIN)/python -m scripts.demo

test: $(STAMP)
	$(BIN)/pytest -n auto

check: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(STAMP)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# The main job on a real kernel: KERNEL=dir, or else Debian's source package (needs apt-get, once).
# CONFIG=file: compile the commits under this fragment alone, not under two configurations.
real: $(STAMP)
	$(BIN)/python -m scripts.real $(if $(KERNEL),--kernel "$(KERNEL)") $(if $(CONFIG),--config "$(CONFIG)")
	tree=$$($(BIN)/python -m scripts.real --where $(if $(KERNEL),--kernel "$(KERNEL)")) && \
	KERNEL="$$tree" $(BIN)/pytest -m real

# Boot the converted kernel and its base in User-Mode Linux and compare; KERNEL as above.
boot: $(STAMP)
	$(BIN)/python -m scripts.boot $(if $(KERNEL),--kernel "$(KERNEL)")

# Times and memory beside Coccinelle's on the same machine; KERNEL as above.
bench: $(STAMP)
	$(BIN)/python -m bench.run $(if $(KERNEL),--kernel "$(KERNEL)")
