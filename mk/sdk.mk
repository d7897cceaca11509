# The vendor's Node.js SDKs, pinned in tests/sdk/package-lock.json, against the stand-in.
.PHONY: sdk-test
sdk-test: bin/pushbridge-mock ## The vendor's SDKs against the stand-in (Node.js 18 or later, npm)
	@bash tests/sdk/run.sh
