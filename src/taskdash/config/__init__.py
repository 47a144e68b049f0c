"""What can be set, where it comes from, and where files are.

Import from the module you need: none is loaded here, so that a command pays only for what it uses.

settings        the model: Settings, Profile, View, demo_settings
load            load_settings: command line, environment, file, default
config_file     the file as TOML; file_settings, profile_table and table read its tables
keys            find_key, known_keys: where API keys come from
locations       config_path, store_path, view_path, log_path, download_dir
view_file       load_view, save_view: what the dashboard remembers of its look
first_config    write_first_config, for `config init`
describe        describe, for `config show`
private_files   folders 0700 and files 0600
"""
