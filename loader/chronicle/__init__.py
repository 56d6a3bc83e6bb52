"""What bin/report shows: figures by SQL, charts by Vega, one page by Jinja."""
