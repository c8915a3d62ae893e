"""The generator of the demonstration survey: parameters in, tables out. No rule of the workflow uses it."""

from firmties.simulation.survey import apply_scenario, simulate_survey

__all__ = ["apply_scenario", "simulate_survey"]
