"""The load test of the shop, for docker-compose."""

from locust import HttpUser, between, task

from tegmen import secret

API_KEY = secret("API_KEY")


class Shopper(HttpUser):
    wait_time = between(1, 3)

    @task
    def orders(self) -> None:
        self.client.get("/orders", headers={"Authorization": f"Bearer {API_KEY}"})
