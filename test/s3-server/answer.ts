/** What an operation answers. */
export interface Answer {
  status: number;
  headers?: Record<string, string | number>;
  body?: Uint8Array | string;
}

/** An answer of S3's own error shape. Thrown by whatever finds the fault. */
export class S3Fault extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message = `The test server says ${code}.`) {
    super(message);
    this.status = status;
    this.code = code;
  }

  answer(): Answer {
    return xml(this.status, 'Error', [
      element('Code', this.code),
      element('Message', this.message),
      element('RequestId', 'test'),
    ]);
  }
}

export function xml(status: number, root: string, children: readonly string[]): Answer {
  const body = `<?xml version="1.0" encoding="UTF-8"?>\n<${root}>${children.join('')}</${root}>`;
  return { status, headers: { 'content-type': 'application/xml' }, body };
}

export function element(name: string, value: string | number | boolean): string {
  return `<${name}>${String(value).replaceAll('&', '&amp;').replaceAll('<', '&lt;')}</${name}>`;
}

/** The texts of all elements of that name. */
export function textsOf(document: string, name: string): string[] {
  return [...document.matchAll(new RegExp(`<${name}>([^<]*)</${name}>`, 'g'))].map(
    ([, text = '']) =>
      text.replaceAll('&lt;', '<').replaceAll('&quot;', '"').replaceAll('&amp;', '&'),
  );
}
