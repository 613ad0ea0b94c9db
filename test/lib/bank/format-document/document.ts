import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { BankFile } from '../../../../lib/bank/bank-file.ts';
import { SegmentReceipt } from '../../../../lib/bank/format/receipt.ts';
import { Root } from '../../../../lib/bank/format/root.ts';
import { KeyRing } from '../../../../lib/bank/keys/key-ring.ts';

const path = join(import.meta.dirname, '../../../../docs/bank-format.md');

/** The JSON blocks of docs/bank-format.md that are made by code, each behind a line `<!-- name -->`. */
export type Block = 'schemas' | 'vectors' | 'example-bank';

export async function readBlock(name: Block): Promise<unknown> {
  const [, json = ''] = blockPattern(name).exec(await readFile(path, 'utf8')) ?? [];
  return JSON.parse(json);
}

export async function writeBlock(name: Block, contents: unknown): Promise<void> {
  const document = await readFile(path, 'utf8');
  const block = `<!-- ${name} -->\n\n\`\`\`json\n${JSON.stringify(contents, null, 1)}\n\`\`\`\n`;
  await writeFile(
    path,
    document.replace(blockPattern(name), () => block),
  );
}

/** The shape of every JSON document of a bank. */
export function schemas(): Record<string, unknown> {
  const all = { 'bank.json': BankFile, 'key ring': KeyRing, root: Root, receipt: SegmentReceipt };
  return Object.fromEntries(
    Object.entries(all).map(([name, schema]) => [
      name,
      z.toJSONSchema(schema, { override: plain }),
    ]),
  );
}

/** `date-time` says enough; the pattern for it is long. */
function plain({ jsonSchema }: { jsonSchema: { format?: string; pattern?: string } }): void {
  if (jsonSchema.format === 'date-time' || jsonSchema.format === 'base64url') {
    delete jsonSchema.pattern;
  }
}

function blockPattern(name: Block): RegExp {
  return new RegExp(`<!-- ${name} -->\\n\\n\`\`\`json\\n([\\s\\S]*?)\\n\`\`\`\\n`);
}
