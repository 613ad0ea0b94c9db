import { describe, expect, it } from 'vitest';
import { mapInOrder } from '../../../../lib/bank/register/in-order.ts';
import { all } from './a-register.ts';

const numbers = [1, 2, 3, 4, 5, 6, 7];

describe('mapInOrder', () => {
  it('keeps the order, with no more under way than allowed', async () => {
    let underWay = 0;
    let most = 0;
    const results = all(
      mapInOrder(numbers, 3, async (number) => {
        underWay += 1;
        most = Math.max(most, underWay);
        for (let turns = 0; turns < 10 - number; turns++) {
          await new Promise((resolve) => setImmediate(resolve));
        }
        underWay -= 1;
        return number * 10;
      }),
    );

    expect(await results).toEqual([10, 20, 30, 40, 50, 60, 70]);
    expect(most).toBe(3);
  });

  it('ends with the first failure, and leaves none unhandled', async () => {
    const results = all(
      mapInOrder(numbers, 3, (number) =>
        number >= 2 ? Promise.reject(new Error(`number ${number}`)) : Promise.resolve(number),
      ),
    );

    await expect(results).rejects.toThrow('number 2');
  });

  it('does not read ahead of who takes the results', async () => {
    let read = 0;
    const source = function* () {
      for (const number of numbers) {
        read += 1;
        yield number;
      }
    };

    for await (const result of mapInOrder(source(), 2, (number) => Promise.resolve(number))) {
      if (result === 1) break;
    }

    expect(read).toBe(2);
  });
});
