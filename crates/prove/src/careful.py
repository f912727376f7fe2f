"""A load test that Tegmen protects whole: under `tegmen prove --self-test` it is clean, and it is not when any one of
the protections is switched off. Nothing in here is an example.
"""

import os

from locust import HttpUser, constant, task

KEY = os.environ["SELF_TEST_KEY"]


class Careful(HttpUser):
    wait_time = constant(0.1)
    host = "https://self-test.example"

    @task
    def misplaced(self):
        # Refused, as long as the places of the secret are kept to.
        self.client.get("/search", params={"key": KEY})

    @task
    def quoted(self):
        with self.client.post("/form", json={"key": KEY}, headers={"X-Key": KEY}, catch_response=True) as response:
            print("answer:", response.text)
            response.failure(f"failed: {response.text}")
