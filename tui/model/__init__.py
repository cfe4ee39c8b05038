"""View models: what a screen shows, as frozen values made from the wire models. No Textual here."""
