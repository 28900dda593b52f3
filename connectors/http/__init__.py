"""HTTP below the clients of all vendors.

client            PyGithub's or jira's, or the subclass of a connector: it puts requests together
guarded adapter   sends the requests of a client, repeats them by the retry policy and turns failures into errors
network           what the guarded adapter sends by: connections, or a simulation
exchange          one call of a client's method, its one request, and the answer
retry policy      attempts, waits and total time that one request may take
ambiguous write   an attempt whose response was lost or broken: it may have taken effect
fallback          a request for less data, sent when the tracker gives no whole response to the larger one
circuit breaker   stops all requests to a tracker that is down, for the rest of the run
rate limiter      spaces writes and counts the content that one credential creates per minute and hour
page size         rows of a search page, made smaller when the server cannot deliver more
response limits   time and decoded size of a whole response
redaction         removal of secrets from text that is logged or shown
"""
