"""What can be set, where it comes from, and where files are.

Import from the module you need: none is loaded here, so that a command pays only for what it uses.

settings        the model: Settings, View, demo_settings; its fields carry their readers
profile         a gateway in it: Profile, and the presets
readers         setting, read, schema_of, and how a value appears in an error
kinds           the kinds of values, each with its reader; is_loopback
load            load_settings: command line, environment, file, default
keys            find_key, known_keys: where API keys come from
locations       config_path, store_path, view_path, log_path, download_dir; folders 0700 and files 0600
own_files       write_first_config; load_view, save_view: what the dashboard remembers of its look
describe        describe, example_text, explained_settings, json_schema: settings as text
"""
