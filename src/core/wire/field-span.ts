import type { HeaderKind } from './packet.ts';

/** Where one field of a header is in the bytes of the packet. */
export interface FieldSpan {
  /** Index of the header in the packet. A datagram quoted inside `data` has the index of that `data`. */
  readonly header: number;
  /** The protocol whose field it is. It differs from the header's kind in what `data` quotes. */
  readonly kind: HeaderKind;
  /** The property of the header, or the name of a derived field (`checksum`, `totalLength` ...). */
  readonly field: string;
  /** The name in Wireshark and the RFC. */
  readonly label: string;
  readonly offset: number;
  readonly length: number;
  /** For a field smaller than its bytes: how many bits after the first bit of `offset` it begins, and how many it has. */
  readonly bits: { readonly from: number; readonly count: number } | null;
  readonly value: string;
  /** The field belongs to a datagram that an ICMP error quotes, or to the first piece of a fragmented one. */
  readonly quoted: boolean;
}

/** A field relative to the beginning of its header, before the layout puts it in its place. */
export interface Field {
  readonly field: string;
  readonly label: string;
  readonly offset: number;
  readonly length: number;
  readonly bits?: { readonly from: number; readonly count: number };
  readonly value: string;
}
