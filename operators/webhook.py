"""The connection by which people are told: a web address that takes a line of text."""

from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowException

TIMEOUT_SECONDS = 20.0


class WebhookHook(BaseHook):
    """POST `{"text": …}` to the connection's address, as chats' incoming webhooks take it.

    The address is the connection's password, since whoever knows it can write there: Airflow encrypts it and hides it
    in logs.

    Args:
        conn_id: of a connection of type `mathmill_webhook`.
    """

    conn_name_attr = "conn_id"
    conn_type = "mathmill_webhook"
    hook_name = "MathMill webhook"

    def __init__(self, conn_id: str) -> None:
        super().__init__()
        self.conn_id = conn_id

    def send(self, text: str) -> None:
        """Post a line.

        Raises:
            AirflowException: it did not arrive; the message does not name the address.
        """
        import requests  # a tenth of a second that no DAG file is to wait for

        connection = self.get_connection(self.conn_id)
        if connection.conn_type != self.conn_type or not connection.password:
            raise AirflowException(
                f"connection {self.conn_id} is no {self.conn_type} with an address: give it that type, and the address"
                " as its password"
            )
        try:
            answer = requests.post(connection.password, json={"text": text}, timeout=TIMEOUT_SECONDS)
        except requests.RequestException as error:
            # What the library says of it names the address.
            raise AirflowException(f"connection {self.conn_id}: not reached ({type(error).__name__})") from None
        if not answer.ok:
            raise AirflowException(f"connection {self.conn_id}: answered {answer.status_code}")
