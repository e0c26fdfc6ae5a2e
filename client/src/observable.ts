/** A value that changes. It fits `useSyncExternalStore` of React. */
export interface Observable<Value> {
  /** @returns the present value: the same object until it changes. */
  get(): Value
  /** @returns a function that ends the subscription. */
  subscribe(listener: () => void): () => void
}
