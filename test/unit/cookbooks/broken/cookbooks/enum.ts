enum Colour {
  Red,
}
export const run = async () => Colour.Red;
