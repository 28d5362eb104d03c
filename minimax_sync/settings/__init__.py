"""Where settings come from. Read it from the top down, imports point down:

resolve                     the order of precedence: argument, environment, file, default
llm_yaml                    what `llm.yaml` and `agents.d` say
settings                    all settings of a client, each with its source
table                       what each value may be
yaml_lines · placeholders   YAML that knows its lines · ${...} in it
endpoints                   where a call goes, and which hosts may be sent a token
"""
