"""The versions of the schema, one file each; `down_revision` names the version before."""
