import type { DeliveryPlace, RoutedPlace } from "./local/delivery-place.ts";

/** Who a filter is run for. */
export interface FilterRequest extends RoutedPlace {
  readonly addresses: readonly string[];
}

/** A program that a message goes through on its way (`transport_filter`). */
export interface FilterOrder {
  readonly kind: "filter";
  /** The program's path, and its arguments. */
  readonly words: readonly [string, ...string[]];
  /** For each time that something is expected of it. */
  readonly timeoutMs: number;
  readonly place: DeliveryPlace;
}
