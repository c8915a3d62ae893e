-- Pandoc's Typst writer drops alternative texts, which are what a screen reader has of a figure: this writes them.

if not FORMAT:match("typst") then
  return {}
end

function Figure(figure)
  local image
  figure:walk({
    Image = function(found)
      image = found
    end,
  })
  if not image then
    return nil
  end
  local alt = (image.attributes.alt or pandoc.utils.stringify(image.caption)):gsub('[\\"]', "\\%0")
  local caption = pandoc.write(pandoc.Pandoc(figure.caption.long), "typst")
  return pandoc.RawBlock(
    "typst",
    string.format(
      '#figure(image("%s", width: %s, alt: "%s"), caption: [%s]) <%s>',
      image.src,
      image.attributes.width or "100%",
      alt,
      caption,
      figure.identifier
    )
  )
end
