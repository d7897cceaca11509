# The queue's protocol, checked by spin before the scripts are believed.
.PHONY: model
model: ## Verify the queue's model and find its mistakes; FAULTS=255 for a longer search
	@FAULTS=$(FAULTS) sh tests/model/run.sh
