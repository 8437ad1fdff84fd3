/**
 * The variables that one service or another has beside the common ones.
 *
 * A fleet is often given one environment for all of its processes, so a service must not refuse what belongs to
 * another; a name that nobody knows is a mistake in each of them. services/postbus has the test that holds this list
 * and the services' schemas together.
 */
export const fleetVariables: readonly string[] = [
  // gateway
  "POSTBUS_FACTS_TIMEOUT_MS",
  "POSTBUS_CROWDED_DELAY_MS",
  "POSTBUS_CROWDED_MEMORY_PERCENT",
  "POSTBUS_DECISIONS",
  "POSTBUS_IN_FLIGHT_OCTETS",
  "POSTBUS_OVERLOADED_DELAY_MS",
  "POSTBUS_OVERLOADED_MEMORY_PERCENT",
  "POSTBUS_TRANSACTION_TIMEOUT_MS",
  // verifier
  "POSTBUS_VERIFIER_WORKERS",
  "POSTBUS_VERIFIER_CONCURRENCY",
  // scanner
  "POSTBUS_SCANNER_CONCURRENCY",
  "POSTBUS_SCANNER_CONNECTIONS",
  // router
  "POSTBUS_ROUTER_CONCURRENCY",
  // delivery
  "POSTBUS_CALLOUT_CONCURRENCY",
  "POSTBUS_DELIVERY_CONCURRENCY",
  "POSTBUS_DELIVERY_IDLE_MS",
  "POSTBUS_DELIVERY_PROGRAMS",
  // logger
  "POSTBUS_LOGGER_NAME",
  "POSTBUS_HISTORY_DAYS",
  "POSTBUS_HISTORY_MEGABYTES",
  // status
  "POSTBUS_HTTP",
  "POSTBUS_HTTP_TOKEN",
];
