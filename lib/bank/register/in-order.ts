/**
 * Applies an asynchronous function to what a source yields, up to `atOnce` calls at a time, and yields the results in the order of
 * the source. Reads no further ahead than that, so memory is bounded however long the source is.
 */
export async function* mapInOrder<Item, Result>(
  source: AsyncIterable<Item> | Iterable<Item>,
  atOnce: number,
  apply: (item: Item) => Promise<Result>,
): AsyncGenerator<Result, void, undefined> {
  const underWay: Promise<Result>[] = [];
  for await (const item of source) {
    const result = apply(item);
    // Awaited below, in its turn; until then, or when an earlier one fails, its failure is not an unhandled one.
    result.catch(() => {});
    underWay.push(result);
    const first = underWay.length >= atOnce ? underWay.shift() : undefined;
    if (first !== undefined) yield await first;
  }
  for (const result of underWay) yield await result;
}
