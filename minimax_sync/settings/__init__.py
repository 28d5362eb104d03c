"""The settings of a client and where they come from. Read it from the top down, imports point down:

resolve                     all settings together, and the choice between a key and a login
search                      one setting in its places, in the order of the table
llm_yaml                    the files `llm.yaml` and `agents.d`
settings                    all settings of a client as values, each with its source
table                       one row a setting: check, places, default, help
checks · places             what a value may be · the names of files and directories
yaml_lines · placeholders   YAML that knows its lines · ${...} in it
endpoints · spelling        where a call goes, and which hosts may be sent a token · hints for misspelt names
arguments                   the client's arguments, for type checkers
"""
