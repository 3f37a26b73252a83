//! Finds the struct literals of an expression, wherever they stand in it, and fills in what their author left out.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens as _, quote, quote_spanned};
use syn::spanned::Spanned as _;
use syn::visit_mut::{self, VisitMut};
use syn::{Expr, ExprStruct, Path, Token};

use crate::convert;

/// The expression with its struct literals filled in. What does not parse comes back as it is beside the error, so that
/// an editor still sees the names in it while somebody types.
pub(crate) fn expand(input: &TokenStream) -> TokenStream {
    match syn::parse2::<Expr>(input.clone()) {
        Ok(mut expression) => {
            Literals.visit_expr_mut(&mut expression);
            // A literal may have all its fields already; clippy would tell the macro's user of what the macro adds. A
            // match takes attributes where an expression does not, and keeps what the expression borrows alive.
            quote!(match () { #[allow(clippy::needless_update)] () => #expression })
        }
        Err(error) => {
            let error = error.into_compile_error();
            quote!({ #error #input })
        }
    }
}

struct Literals;

impl VisitMut for Literals {
    fn visit_expr_struct_mut(&mut self, literal: &mut ExprStruct) {
        // The inner literals come first: they are still literals then.
        visit_mut::visit_expr_struct_mut(self, literal);
        for field in &mut literal.fields {
            field.colon_token.get_or_insert_with(|| Token![:](field.member.span()));
            convert::field(&mut field.expr);
        }
        if literal.dot2_token.is_none() && !is_variant(&literal.path) {
            fill(literal);
        }
    }

    fn visit_expr_mut(&mut self, expression: &mut Expr) {
        if let Expr::Macro(call) = expression
            && let Some(mut list) = convert::vec_items(&call.mac)
        {
            list.iter_mut().for_each(|item| self.visit_expr_mut(item));
            call.mac.tokens = list.into_token_stream();
            return;
        }
        visit_mut::visit_expr_mut(self, expression);
    }
}

/// True for `Type::Variant`: an enum has no rest to fill in.
fn is_variant(path: &Path) -> bool {
    let before_last = path.segments.iter().rev().nth(1);
    before_last.is_some_and(|segment| segment.ident.to_string().starts_with(char::is_uppercase))
}

/// Adds `..Default::default()`.
fn fill(literal: &mut ExprStruct) {
    if !literal.fields.empty_or_trailing() {
        literal.fields.push_punct(Token![,](Span::mixed_site()));
    }
    let span = generated(literal.path.span());
    literal.dot2_token = Some(Token![..](span));
    let rest = quote_spanned!(span=> ::core::default::Default::default());
    literal.rest = Some(Box::new(Expr::Verbatim(rest)));
}

/// The span of code that is generated for what stands at `span`: errors point there, lints about style do not.
pub(crate) fn generated(span: Span) -> Span {
    Span::mixed_site().located_at(span)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::needless_pass_by_value, reason = "quote! gives values")]

    use quote::quote;

    use super::expand;

    /// Compares what is generated, less the long paths.
    fn expands(input: proc_macro2::TokenStream, expected: proc_macro2::TokenStream) {
        let short = expand(&input)
            .to_string()
            .replace(":: iac_k8s :: field :: IntoField :: into_field", "into_field")
            .replace(":: iac_k8s :: field :: ", "")
            .replace(":: core :: default :: Default :: default ()", "rest");
        // The spaces in a closing `>>` have no meaning.
        let plain = |text: String| text.replace("> >", ">>");
        let expected = quote!(match () { #[allow(clippy::needless_update)] () => #expected });
        assert_eq!(plain(short), plain(expected.to_string()));
    }

    #[test]
    fn literals_are_filled_wherever_they_stand() {
        expands(
            quote!(A { b: 1 }),
            quote!(A {
                b: into_field(1),
                ..rest
            }),
        );
        expands(quote!(A {}), quote!(A { ..rest }));
        expands(
            quote!(a::A { b }),
            quote!(a::A {
                b: into_field(b),
                ..rest
            }),
        );
        expands(
            quote!(A {
                b: B { c: 1 },
                ..base()
            }),
            quote!(A {
                b: into_field(B {
                    c: into_field(1),
                    ..rest
                }),
                ..base()
            }),
        );
        expands(
            quote!(f(vec![A {}], [A {}], |x| A { x })),
            quote!(f(vec![A { ..rest }], [A { ..rest }], |x| A {
                x: into_field(x),
                ..rest
            })),
        );
        expands(
            quote!(if a { A {} } else { m.add(A {}) }),
            quote!(if a { A { ..rest } } else { m.add(A { ..rest }) }),
        );
    }

    #[test]
    fn variants_of_enums_have_no_rest() {
        expands(quote!(E::V { a: 1 }), quote!(E::V { a: into_field(1) }));
    }

    #[test]
    fn lists_are_converted_item_by_item() {
        expands(
            quote!(A {
                b: ["x", y],
                c: vec![("k", 1)],
                d: vec![0; 3]
            }),
            quote!(A {
                b: list([into_field("x"), into_field(y)]),
                c: list([(into_field("k"), into_field(1))]),
                d: into_field(vec![0; 3]),
                ..rest
            }),
        );
    }

    #[test]
    fn conversion_goes_into_branches_and_around_what_has_no_type_of_its_own() {
        expands(
            quote!(A {
                b: if c {
                    "x"
                } else if d {
                    ["y"]
                } else {
                    panic!("no")
                },
                e: match f {
                    Some(x) => x,
                    None => return,
                },
                g: None,
                h: Some("x"),
                i: Default::default(),
                j: x.into(),
                k: y.iter().collect(),
                l: y.iter().collect::<Vec<_>>(),
                m: ({
                    let z = 1;
                    z
                }),
                n: { vec![z] },
            }),
            quote!(A {
                b: if c {
                    into_field("x")
                } else if d {
                    list([into_field("y")])
                } else {
                    panic!("no")
                },
                e: match f {
                    Some(x) => into_field(x),
                    None => return,
                },
                g: None,
                h: Some(into_field("x")),
                i: Default::default(),
                j: x.into(),
                k: collect(y.iter()),
                l: into_field(y.iter().collect::<Vec<_>>()),
                m: {
                    let z = 1;
                    into_field(z)
                },
                n: { list([into_field(z)]) },
                ..rest
            }),
        );
    }

    #[test]
    fn what_does_not_parse_comes_back_beside_the_error() {
        let expanded = expand(&quote!(A { b: , c: 1 })).to_string();
        assert!(expanded.contains("compile_error"), "{expanded}");
        assert!(expanded.contains("A { b : , c : 1 }"), "{expanded}");
    }
}
