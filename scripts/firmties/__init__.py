"""From waves of survey responses on firms' networks to a report."""
