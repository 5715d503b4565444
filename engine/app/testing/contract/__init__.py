"""The contract that every activity keeps, ours and those of plugins: `pytest --pyargs engine.app.testing.contract.suite`."""
