"""amoCRM over HTTP: pace, credentials, requests and what their answers mean."""
