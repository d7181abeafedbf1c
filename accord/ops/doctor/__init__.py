"""A doctor looks at a part before and after it is installed: changes nothing, needs no root, and says what to do."""
