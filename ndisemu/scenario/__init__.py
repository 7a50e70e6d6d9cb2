"""The scenario language: from a YAML file to checked values, and to a run.

`compose` turns text into the nodes of `document`, which remember their line
and column; `overrides` changes nodes as `--set` asks; `schema`, made of the
kinds of value in `fields` and their `bounds`, says which keys there are and
what they mean; `problems` puts what the schema refuses into words and places;
`checks` finds what no single value shows, such as a name that nothing has, and
`fault_checks` a fault that would never come. `load` runs them all and reports
every mistake at once. `build` makes the machine, `run` lets time pass and
`trouble` happen, and `result` judges what came of it.

Validation imports no driver: a scenario may name a Python class, and only
running it may execute foreign code.
"""
