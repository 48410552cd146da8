# A hub for a class on one machine: each student is a Unix user, whose server runs as that user. The names and passwords stand in
# /srv/students, lines NAME:PASSWORD, which only root may read; see docker/README.md.
import os
import sys

sys.path.insert(0, "/etc/jupyterhub")
import accounts

# Passed on to the students' servers, whose kernels keep logs of the cells in /tmp.
os.umask(0o077)

# The hub's own files: its database knows who has which tokens.
os.makedirs("/srv/hub", exist_ok=True)
os.chmod("/srv/hub", 0o700)

students = accounts.read("/srv/students")
accounts.make(students)

c = get_config()  # noqa: F821
c.JupyterHub.bind_url = "http://:8000"
c.JupyterHub.authenticator_class = "pam"
c.PAMAuthenticator.open_sessions = False  # which needs more of the system than a container has
c.Authenticator.allowed_users = set(students)

c.JupyterHub.spawner_class = "jupyterhub.spawner.LocalProcessSpawner"
c.Spawner.cmd = ["/opt/resnet18/docker/start.sh", "jupyterhub-singleuser"]
c.Spawner.args = ["--LabApp.extension_manager=readonly"]
c.Spawner.default_url = "/lab/tree/notebooks/01-data.ipynb"
c.Spawner.start_timeout = 300
c.Spawner.http_timeout = 120
# What the image sets, which a hub does not hand on by itself; and short runs, if the hub was started with them.
inherited = ("GOTOOLCHAIN", "GOPATH", "GOMLX_NO_AUTO_INSTALL", "PJRT_CPU_PLUGIN", "PJRT_PLUGIN_LIBRARY_PATH", "EPOCHS", "TRAIN_IMAGES")
c.Spawner.environment = {name: os.environ[name] for name in inherited if name in os.environ}
# A processor that many share is given out by the system; where a student's kernels wait for nobody, they end after an hour.
c.Spawner.args += ["--MappingKernelManager.cull_idle_timeout=3600", "--MappingKernelManager.cull_connected=True"]
c.Spawner.concurrent_spawn_limit = 10

c.JupyterHub.cookie_secret_file = "/srv/hub/cookie_secret"
c.JupyterHub.db_url = "sqlite:////srv/hub/hub.sqlite"
