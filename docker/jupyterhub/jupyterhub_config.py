# A hub for a class on one machine. Each student is a Unix user and has a server that runs as this user. /srv/students has a line
# NAME:PASSWORD for each, readable by root only; see docker/README.md.
import os
import sys

sys.path.insert(0, "/etc/jupyterhub")
import accounts

# Inherited by the students' servers and kernels: their files are private.
os.umask(0o077)

# The hub's database holds the users' tokens.
os.makedirs("/srv/hub", exist_ok=True)
os.chmod("/srv/hub", 0o700)

students = accounts.read("/srv/students")
accounts.make(students)

c = get_config()  # noqa: F821
c.JupyterHub.bind_url = "http://:8000"
c.JupyterHub.authenticator_class = "pam"
c.PAMAuthenticator.open_sessions = False  # needs privileges that a container lacks
c.Authenticator.allowed_users = set(students)

c.JupyterHub.spawner_class = "jupyterhub.spawner.LocalProcessSpawner"
c.Spawner.cmd = ["/opt/resnet18/docker/start.sh", "jupyterhub-singleuser"]
c.Spawner.args = ["--LabApp.extension_manager=readonly"]
c.Spawner.default_url = "/lab/tree/notebooks/00-quick-start.ipynb"
# From the start of start.sh to the server's first answer: on a busy machine, a class that starts at once needs minutes.
c.Spawner.http_timeout = 600
# JupyterHub does not pass the image's environment on, nor settings for short runs.
inherited = ("GOTOOLCHAIN", "GOPATH", "GOMLX_NO_AUTO_INSTALL", "PJRT_CPU_PLUGIN", "PJRT_PLUGIN_LIBRARY_PATH", "EPOCHS", "TRAIN_IMAGES")
c.Spawner.environment = {name: os.environ[name] for name in inherited if name in os.environ}
# Idle kernels end after an hour, to free memory.
c.Spawner.args += ["--MappingKernelManager.cull_idle_timeout=3600", "--MappingKernelManager.cull_connected=True"]

c.JupyterHub.cookie_secret_file = "/srv/hub/cookie_secret"
c.JupyterHub.db_url = "sqlite:////srv/hub/hub.sqlite"
