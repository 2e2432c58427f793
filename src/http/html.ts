/** HTML that is safe to send: made by `html` only. */
export class Html {
  readonly #text: string

  private constructor(text: string) {
    this.#text = text
  }

  static make(strings: TemplateStringsArray, values: readonly HtmlValue[]): Html {
    const text = strings.reduce(
      (page, part, index) => page + encodeValue(values[index - 1] ?? '') + part,
    )
    return new Html(text)
  }

  toString(): string {
    return this.#text
  }
}

/** What may stand in a template: text and numbers are escaped, HTML stays, lists are joined. */
export type HtmlValue = string | number | Html | readonly HtmlValue[]

/** Template for HTML text and quoted attributes; everything put into it is escaped unless it is HTML itself. */
export function html(strings: TemplateStringsArray, ...values: readonly HtmlValue[]): Html {
  return Html.make(strings, values)
}

const escapes: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

function encodeValue(value: HtmlValue): string {
  if (value instanceof Html) return value.toString()
  if (typeof value === 'string') return value.replace(/[&<>"']/g, (sign) => escapes[sign] ?? '')
  if (typeof value === 'number') return String(value)
  return value.map(encodeValue).join('')
}
