# The queue's protocol, checked by spin before the scripts are believed.
.PHONY: model
model: ## Verify the queue's model; MODEL_JOBS=3 for a longer search
	@sh tests/model/run.sh $(or $(MODEL_JOBS),2)
