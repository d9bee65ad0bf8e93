"""Live risk: prices through online filters into messages of value at risk, each scored once its day is known."""
