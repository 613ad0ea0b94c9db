import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ReaderPinRecord } from '../../../../lib/bank/register/pin.ts';
import { CheckpointRecord } from '../../../../lib/bank/register/record.ts';

const document = await readFile(
  join(import.meta.dirname, '../../../../docs/bank-format.md'),
  'utf8',
);
const [section = ''] = /\n## Records\n[\s\S]*?(?=\n## )/.exec(document) ?? [];

describe('docs/bank-format.md, "Records"', () => {
  it('shows a record that the code takes', () => {
    const [, json = ''] = /```json\n([\s\S]*?)```/.exec(section) ?? [];

    expect(CheckpointRecord.parse(JSON.parse(json))).toMatchObject({ state: 'OPEN' });
  });

  it.each([
    ...CheckpointRecord.options.flatMap(({ shape }) => Object.keys(shape)),
    ...Object.keys(ReaderPinRecord.shape),
  ])('explains the field %s', (field) => {
    expect(section).toContain(`\`${field}\``);
  });
});
