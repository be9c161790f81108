"""A federation of stub devices under random faults: whether anything acknowledged is lost or counted twice."""
