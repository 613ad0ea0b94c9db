/** Writes the blocks of docs/bank-format.md that are made by code: `npm run bank-format`. */
import { schemas, writeBlock } from './document.ts';
import { makeExampleBank } from './example-bank.ts';
import { vectors } from './vectors.ts';

await writeBlock('schemas', schemas());
await writeBlock('vectors', await vectors());
await writeBlock('example-bank', await makeExampleBank());
