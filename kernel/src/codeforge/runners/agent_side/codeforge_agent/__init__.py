"""The side of a back end that runs beside the agent: its job, its reports, its calls to the gateway."""
