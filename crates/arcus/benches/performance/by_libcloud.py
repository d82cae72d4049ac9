"""The peer of the bench `ec2`: the same servers by Apache Libcloud's driver, with a thread for each of them.

Called with the endpoint's port, the number of servers, the access key and the secret. Prints the seconds from its first
call until all of them run.
"""

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from libcloud.compute.providers import get_driver
from libcloud.compute.types import Provider

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f bench"
USER_DATA = "#cloud-config\n" + json.dumps({"ssh_authorized_keys": [KEY]})


def main() -> None:
    port, count, access, secret = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
    cls = get_driver(Provider.EC2)

    def driver():
        return cls(access, secret, region="us-east-1", host="127.0.0.1", port=port, secure=False, signature_version="4")

    # A driver is not for several threads at once, so that each server has its own, made before the clock runs.
    drivers = [driver() for _ in range(count)]
    first = drivers[0]
    size = next(size for size in first.list_sizes() if size.id == "t2.micro")

    started = time.monotonic()
    images = first.list_images(
        ex_owner="136693071363", ex_filters={"name": "debian-12-amd64-*", "architecture": "x86_64"}
    )
    image = max(images, key=lambda image: image.name)
    key = first.import_key_pair_from_string("bench", KEY)
    group = first.ex_create_security_group("bench", "what is let through")["group_id"]
    first.ex_authorize_security_group_ingress(group, 22, 22, cidr_ips=["0.0.0.0/0"])

    def create(numbered):
        number, own = numbered
        return own.create_node(
            name=f"web-{number}",
            size=size,
            image=image,
            ex_keyname=key.name,
            ex_security_groups=["bench"],
            ex_userdata=USER_DATA,
            ex_metadata={"installation": "bench", "token": str(number)},
        )

    with ThreadPoolExecutor(max_workers=count) as pool:
        nodes = list(pool.map(create, enumerate(drivers)))
    first.wait_until_running(nodes, wait_period=0.1, timeout=120)
    print(time.monotonic() - started)


if __name__ == "__main__":
    main()
