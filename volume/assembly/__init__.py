"""From headers to series, stacks and one regular grid; every decision a finding."""
