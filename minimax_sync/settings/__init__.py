"""Where settings come from. Read it from the top down, imports point down:

resolve                     the order of precedence: argument, environment, file, default
llm_yaml                    what `llm.yaml` and `agents.d` say
settings                    all settings of a client, each with its source
checks                      what each value may be
yaml_file · placeholders    YAML that knows its lines · ${...} in it
"""
