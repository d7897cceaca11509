# Makes pushbridge@.service of pushbridge.service: an instance is named by its admin port.
s/^Description=.*/& (%i)/
/^EnvironmentFile=/a\
# Over the configuration file: instances on one machine need a port each.\
Environment=PUSHBRIDGE_ADMIN_LISTEN=127.0.0.1:%i
