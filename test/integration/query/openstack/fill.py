"""Tells a Keystone and a Nova of the projects and servers that the recorded answers are about.

How the answers were recorded: Debian 12's keystone, nova-api, neutron-server, mariadb-server and rabbitmq-server on one machine, no
hypervisor; this script, with the administrator's OS_* variables and NOVA_CONFIG (files of nova.conf, with the databases);
`update instance_info_caches set network_info = '[]'` in Nova's database; then openstack.test.ts with SUMAC_KEYSTONE and SUMAC_NOVA.
The servers are written into Nova's database as nova-compute would leave them.
"""

import os
import uuid

import openstack
from nova import config, context, objects

PROJECTS = ("tools", "deploy", "off")
SERVERS = (
    ("tools", "web1", "active"),
    ("tools", "web2", "active"),
    ("tools", "web3", "stopped"),
    ("tools", "db1", "active"),
    ("deploy", "web1", "active"),
    ("deploy", "old", "error"),
    ("off", "gone", "active"),
)

cloud = openstack.connect()
identity = cloud.identity
role = cloud.get_role("reader") or identity.create_role(name="reader")
user = cloud.get_user("reader") or identity.create_user(name="reader", password="lab", domain_id="default")
projects = {}
for name in PROJECTS:
    project = identity.find_project(name) or identity.create_project(name=name, domain_id="default")
    identity.assign_project_role_to_user(project, user, role)
    projects[name] = project.id
identity.assign_project_role_to_user(cloud.get_project("admin"), user, role)
identity.update_project(projects["off"], is_enabled=False)

files = [argument for file in os.environ["NOVA_CONFIG"].split() for argument in ("--config-file", file)]
config.parse_args(["fill", *files])
objects.register_all()
admin = context.get_admin_context()
cell = next(one for one in objects.CellMappingList.get_all(admin) if not one.is_cell0())
size = {"memory_mb": 512, "vcpus": 1, "root_gb": 1, "ephemeral_gb": 0}
for project, name, state in SERVERS:
    owner = {"project_id": projects[project], "user_id": user.id}
    flavor = objects.Flavor(
        id=1, name="small", flavorid="1", swap=0, rxtx_factor=1.0, vcpu_weight=0, disabled=False, is_public=True, extra_specs={}, **size
    )
    server = str(uuid.uuid4())
    objects.InstanceMapping(admin, instance_uuid=server, cell_mapping=cell, queued_for_delete=False, **owner).create()
    with context.target_cell(admin, cell) as inside:
        objects.Instance(
            inside,
            uuid=server,
            display_name=name,
            hostname=name,
            vm_state=state,
            task_state=None,
            power_state=1 if state == "active" else 4,
            host="cloudvirt1001",
            node="cloudvirt1001",
            image_ref="",
            flavor=flavor,
            old_flavor=None,
            new_flavor=None,
            instance_type_id=1,
            system_metadata={},
            metadata={},
            locked=False,
            config_drive="",
            reservation_id=f"r-{name}",
            launch_index=0,
            progress=0,
            **owner,
            **size,
        ).create()
