"""The same file on every machine. The worker takes host and options from the master, whose key it knows."""

import os

from locust import HttpUser, constant, events, task

API_KEY = os.environ["LOCUST_API_KEY"]


@events.init_command_line_parser.add_listener
def add_arguments(parser):
    parser.add_argument("--tenant", default="staging", help="whose orders are looked at")


class Shopper(HttpUser):
    wait_time = constant(0.2)

    @task
    def orders(self):
        tenant = self.environment.parsed_options.tenant
        self.client.get(f"/orders?tenant={tenant}", headers={"X-Api-Key": API_KEY})
