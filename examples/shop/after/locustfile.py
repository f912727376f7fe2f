"""The same test, careless as it is, with its secrets taken from where Tegmen keeps them.

Under `tegmen run` the environment holds placeholders: the prints, logs, failures and names below cannot give away what
they do not have. The real values are put in when a request goes out to the shop, and nowhere else. The session that the
shop issues is protected from the moment it is there.
"""

import logging
import os

from locust import HttpUser, between, events, task

from tegmen import protect, secret

API_KEY = os.environ["LOCUST_API_KEY"]
PASSWORD = secret("SHOP_PASSWORD")


@events.init_command_line_parser.add_listener
def add_arguments(parser):
    parser.add_argument("--api-key", default=API_KEY, help="key of the shop's API")


class Shopper(HttpUser):
    wait_time = between(0.05, 0.2)

    def on_start(self):
        print(f"logging in with key {API_KEY}")
        response = self.client.post("/login", json={"user": "load-test", "password": PASSWORD})
        logging.info("login: %s, sent %s", response.status_code, response.request.body)
        self.session = protect(response.json()["token"], name="SESSION")
        self.client.headers["Authorization"] = f"Bearer {self.environment.parsed_options.api_key}"

    @task(3)
    def products(self):
        self.client.get("/products")

    @task(2)
    def search(self):
        self.client.get("/search?q=teapot&api_key=" + API_KEY)

    @task(2)
    def account(self):
        self.client.get("/account", auth=("load-test", PASSWORD))

    @task(2)
    def orders(self):
        self.client.get("/orders", headers={"Authorization": f"Bearer {self.session}"})

    @task(1)
    def order(self):
        self.client.post("/orders", json={"sku": 7}, headers={"X-Api-Key": API_KEY, "Authorization": None})

    @task(1)
    def checkout_is_broken(self):
        with self.client.get("/broken", catch_response=True) as response:
            if not response.ok:
                response.failure(f"checkout failed: {response.text}")

    @task(1)
    def export(self):
        self.client.get("/export", headers={"X-Api-Key": API_KEY, "Authorization": None})

    @task(1)
    def report(self):
        try:
            self.client.get("/no-such-page").raise_for_status()
        except Exception:
            raise RuntimeError(f"report failed with key {API_KEY}") from None
