# `make demo` and `make test` do all their own set-up on a fresh machine.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

# Where a folder of wheels is configured for pip (an offline mirror, a CPU build of torch), uv uses it too.
ifdef PIP_FIND_LINKS
export UV_FIND_LINKS := $(PIP_FIND_LINKS)
endif

.PHONY: setup demo test lint bench notebook clean
setup: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip install --python $(BIN)/python -c constraints.txt -e ".[train,render,minilm,llm,search,fbx,serve,studio,dev]"
	touch $(STAMP)

PROMPT ?= a person squats, then kicks with the left leg, then walks forward
SEED ?= 0
DEMO := demo/demo
demo: $(STAMP)
	$(BIN)/kinelex generate "$(PROMPT)" --seed $(SEED) --output $(DEMO).npz --output $(DEMO).glb --output $(DEMO).bvh \
		--output $(DEMO).png --output $(DEMO).html
	@echo "Open $(DEMO).html in a browser, $(DEMO).png as a picture, $(DEMO).glb or $(DEMO).bvh in your 3D tool."

# The suite starts many processes, and where Python may not write bytecode each would compile all that it imports.
test: export UV_COMPILE_BYTECODE := 1
test: $(STAMP)
	$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright --pythonpath $(BIN)/python

bench: $(STAMP)
	$(BIN)/python benchmarks/features.py
	$(BIN)/python benchmarks/retarget.py
	$(BIN)/python benchmarks/generation.py
	$(BIN)/python benchmarks/latency.py
	$(BIN)/python benchmarks/training.py

notebook: $(STAMP)
	$(BIN)/python docs/run_tour.py

clean:
	rm -rf $(VENV) build dist src/*.egg-info .pytest_cache .ruff_cache demo
